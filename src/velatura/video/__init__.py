"""Films: read, painted frame by frame along the optical flow, written with their sound."""

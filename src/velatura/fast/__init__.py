"""A style in one pass: the network, its training, the styles that come with the package."""

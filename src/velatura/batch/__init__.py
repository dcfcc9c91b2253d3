"""One job over many pictures, on this machine or on a cluster, by Ray Data."""

"""One painting from its inputs to the finished picture: what command, studio and library share."""

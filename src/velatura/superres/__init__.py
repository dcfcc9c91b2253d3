"""Super-resolution with the perceptual loss: network, training, upscaling."""

"""BigGAN's ablations on digits."""

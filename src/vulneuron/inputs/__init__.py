"""User input: models, images and adversarial images, from spec strings or as objects."""

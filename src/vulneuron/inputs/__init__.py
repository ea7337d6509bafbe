"""What users bring: models, images and adversarial images, from spec strings or as objects."""

"""What Studio Steward costs and how fast it is, measured on localaws. `results` writes what the others measure."""

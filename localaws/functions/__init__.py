"""AWS Lambda in process: the deployed archive's handler, with the function's own environment, role and time limit."""

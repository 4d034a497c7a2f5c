"""SageMaker's protocol, spoken as a server. Importing it brings no library along."""

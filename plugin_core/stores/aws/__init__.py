"""What needs boto3: clients of AWS's protocols, of AWS or of flowtrail's own server. boto3 is imported on use."""

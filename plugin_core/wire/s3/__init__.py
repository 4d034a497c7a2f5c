"""The part of S3 that SageMaker's clients use, over the blob store: what they upload is kept once, by its content."""

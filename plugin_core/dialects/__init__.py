"""Other people's APIs on this record: translation only, no state and no SQL."""

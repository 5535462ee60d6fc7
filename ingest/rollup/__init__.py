"""Roll-ups: consumption by half-hour, day and month, worked out from the meters' registers."""

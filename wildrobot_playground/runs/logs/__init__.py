"""What a run says while it trains, and where that goes."""

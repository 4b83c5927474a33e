"""Scripts for those who work on stepwell itself; nothing here is installed."""

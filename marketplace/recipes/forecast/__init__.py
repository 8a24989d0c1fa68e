"""Demand forecast: sales per outlet and day or month in, a forecast with its honest error out."""

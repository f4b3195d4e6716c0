"""Semillero: the open analytics warehouse for LIVE-streaming creator operations."""

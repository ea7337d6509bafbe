"""The server of the dashboard: thin routes over `Analysis`, arrays as ``.npy``, images as PNG."""

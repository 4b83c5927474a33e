"""Wire formats: pure functions that encode, decode and frame. A wire never knows a provider."""

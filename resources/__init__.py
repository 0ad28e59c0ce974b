"""Icons, translations, demo models and desktop integration; read with importlib.resources."""

"""Collect what PyInstaller cannot see: modules that are imported by name when first used, and the catalog's data."""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules


def is_collected(name: str) -> bool:
    """Return whether to include a module: all but adapters, which bring whole frameworks and are imported by name."""
    return not name.startswith(("stepwell.integrations", "stepwell.pyinstaller"))


hiddenimports = collect_submodules("stepwell", filter=is_collected)
datas = collect_data_files("stepwell")

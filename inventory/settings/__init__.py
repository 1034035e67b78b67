"""Environment, one TOML file and secret files, read once into one frozen value.

    files.find | files.read_config      the TOML file, if there is one
    environment over file over default
    declared.WrittenSettings            every setting, declared once; its types read what is written (formats)
    files.read_secret                   tokens and the database URL that stand in files of their own
    load.Settings                       what the commands see

All problems are told at once, each with its place: `inventory.toml:12` or the variable.
"""

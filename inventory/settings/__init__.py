"""Secret files, environment and one TOML file, read once into one frozen value; built on pydantic-settings.

declared    every setting, declared once; its types read what is written (formats, judging)
sources     where settings are written, the nearest first; files and lines do what the library does not
problems    what is wrong, all at once, each with its place: the variable, the file, or `inventory.toml:12`
load        what the commands see
sample      a configuration file to begin with
"""

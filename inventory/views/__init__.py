"""What may be asked, as SQL; the files say what each view answers."""

"""What is wrong, how badly, since when. Pure, but for `evidence`, which reads the views."""

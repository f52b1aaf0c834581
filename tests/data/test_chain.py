"""Tests of chain: being written by the session started 10:34; see /tmp/helper_data_who.md."""

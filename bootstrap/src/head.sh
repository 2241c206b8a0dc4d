#!/bin/sh
# Installs engines of Engineshed without Node: needs a POSIX shell, curl or wget, tar, gzip, awk and a sha256 tool.
# It verifies digests, and no signatures: policies ([trust] in engineshed.toml) count for nothing here.
# What it does and does not do: https://github.com/hamlet-io/engineshed docs/guide.md, "Executors without Node".
# Written by scripts/bootstrap.mjs from bootstrap/src; change those.
# shellcheck shell=sh disable=SC1091,SC2015,SC2016

{ # The shell reads all of this before it runs any: a transfer that is cut off does nothing.

[ -z "${ZSH_VERSION-}" ] || emulate sh

#!/bin/sh
# Makes the README's picture of the demo. Needs `twinscope` with its frameworks on the PATH.
exec twinscope demo --theme light --size 1600x2150 --screenshot "$(dirname "$0")/screenshot.png"

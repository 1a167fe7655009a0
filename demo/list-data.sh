# All that makes a file what it is: type, mode, owner, size, time, links, where a link leads; then every checksum. Access and change
# times are not of it: reading changes the one, and nobody can set the other.
set -e
cd /source/data
find . -exec stat -c '%F %a %u:%g %s %y %h %N' {} + | sed 's/^directory \([^ ]* [^ ]*\) [0-9]* /directory \1 /' | sort
[ links/file -ef links/hard ] && echo 'hard links are one file'
[ $(($(stat -c '%b * %B' sparse/hole) / 1024)) -lt 1024 ] && echo 'holes take no space'
find . -type f -exec sha256sum {} + | sort

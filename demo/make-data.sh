# Data as it is in the wild: many files, odd names, every kind of link, owner and mode, and holes. For busybox' sh.
set -e
cd /source/data
i=0
while [ $i -lt 1000 ]; do
  mkdir -p "many/$((i / 100))"
  head -c 104858 /dev/urandom > "many/$((i / 100))/file-$i"
  i=$((i + 1))
done
mkdir -p odd/empty-directory 'odd/a directory with spaces' owners modes links sparse
: > odd/empty
: > 'odd/ leading and trailing '
: > 'odd/-dash'
: > 'odd/quote"s and '"'"'s'
: > 'odd/back\slash'
: > 'odd/star*question?[bracket]'
: > 'odd/$HOME `id` ;&|'
: > 'odd/käse-日本-🦫'
: > "odd/new
line"
echo hidden > odd/.hidden
mkdir -p "odd/$(head -c 200 /dev/zero | tr '\0' n)"
echo deep > "odd/$(head -c 200 /dev/zero | tr '\0' n)/deep"
for mode in 0000 0400 0600 0640 0755 1644 2755 4755; do
  echo $mode > modes/$mode
  chmod $mode modes/$mode
done
mkdir modes/directory-0700 modes/directory-1777
chmod 0700 modes/directory-0700
chmod 1777 modes/directory-1777
for owner in 0:0 1000:1000 65534:65534 123456:654321; do
  echo $owner > owners/$owner
  chmod 0600 owners/$owner
  chown $owner owners/$owner
done
echo linked > links/file
ln links/file links/hard
ln -s file links/symbolic
ln -s /does/not/exist links/dangling
ln -s .. links/up
chown -h 1000:1000 links/dangling
mkfifo links/pipe
dd if=/dev/urandom of=sparse/hole bs=4096 count=1 seek=12800 2> /dev/null
truncate -s 20M sparse/empty
touch -d '2001-02-03 04:05:06' links/file many/0 odd
chown 1000:1000 /source/data
chmod 0751 /source/data
touch -d '2010-11-12 13:14:15' /source/data

# Makes the inventory of a layer: reads its entries (see layer.awk) and, from the file $hashes, the digest of each file in order.

BEGIN { FS = "\t"; subject = ENVIRON["subject"]; json_tables() }

$1 == "f" {
  if ((getline line < ENVIRON["hashes"]) <= 0 || line !~ /^[0-9a-f]+ / || index(line, " ") != 65) die("its files could not be hashed")
  print "[\"f\"," quote($4) "," $2 "," $3 ",\"sha256:" substr(line, 1, 64) "\"]"
}
$1 == "d" { print "[\"d\"," quote($4) "," $2 "]" }
$1 == "s" || $1 == "h" { print "[\"" $1 "\"," quote($4) "," quote($5) "]" }

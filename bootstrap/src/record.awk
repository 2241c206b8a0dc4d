# Prints the canonical text of a layer.json; with $sum, the digest of the one without, it has that too.

BEGIN {
  subject = ENVIRON["subject"]
  printf "{\"bytes\":%s,\"descriptor\":%s,\"diffId\":%s,\"entries\":%s,\"inventory\":%s,\"name\":%s,\"opaques\":%s%s,\"whiteouts\":%s}", \
    ENVIRON["bytes"], ENVIRON["descriptor"], quote(ENVIRON["diff_id"]), ENVIRON["entries"], quote(ENVIRON["inventory"]), \
    quote(ENVIRON["name"]), ENVIRON["opaques"], (ENVIRON["sum"] == "" ? "" : ",\"sum\":" quote(ENVIRON["sum"])), ENVIRON["whiteouts"]
}

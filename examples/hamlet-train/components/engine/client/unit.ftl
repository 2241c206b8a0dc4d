{
  "product": "${product}",
  "unit": "${unit}",
  "provider": "${provider}",
  "resource":
<#include "${provider}/${unit}.ftl">
}

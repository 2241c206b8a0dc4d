    {
      "type": "Microsoft.Storage/storageAccounts",
      "name": "${product}${unit}"
    }

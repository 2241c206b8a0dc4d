    {
      "Type": "AWS::S3::Bucket",
      "Properties": { "BucketName": "${product}-${unit}" }
    }

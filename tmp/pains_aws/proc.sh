#!/bin/sh
echo x >> tmp/pains_aws/count
E1=$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)
echo "{\"Version\":1,\"AccessKeyId\":\"AKIDPROC\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\",\"Expiration\":\"$E1\"}"

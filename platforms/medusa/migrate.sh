#!/bin/sh
# Before a new image serves: bring the database to its version, and make sure that the pipeline's user exists.
set -eu

npx medusa db:migrate --execute-all-links --execute-all-search

if output=$(npx medusa user "--email=$PIPELINE_EMAIL" "--password=$PIPELINE_PASSWORD" 2>&1); then
  echo "user created: $PIPELINE_EMAIL"
else
  case "$output" in
    *"already exists"*) echo "user exists: $PIPELINE_EMAIL" ;;
    *)
      echo "user could not be created: $PIPELINE_EMAIL" >&2
      # Never the whole output: it may repeat what it was given.
      echo "$output" | grep -iE "error" | grep -vF "$PIPELINE_PASSWORD" | head -n 5 >&2
      exit 1
      ;;
  esac
fi

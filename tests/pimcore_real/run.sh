#!/usr/bin/env bash
# Asks a Pimcore what becomes of people's work beside the pipeline's writes, and prints each row with what is expected and what was seen.
#
#   PIM_API_KEY_FILE=key PIM_ADMIN_PASSWORD_FILE=password tests/pimcore_real/run.sh https://pimcore.example [--help]
#
# It makes its own products below /catalog/products, works on those only, and deletes them. It needs the catalog installed, a person who
# may do everything, and Python 3.10. With PIMCORE_ROOT it takes the bundle out, asks, puts it in, and asks again; without, it asks the
# Pimcore as it is. Exits with 1 if a row is not as expected.
set -euo pipefail
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PYTHONPATH=$tests exec python3 -m pimcore_real "$@"

// Makes age headers until told a number of them is done; started under V8 flags that a test run cannot set for itself.

import { newHeader } from '../../src/seal/age-header.js'
import { generateIdentity, recipientBytes } from '../../src/seal/age-keys.js'

const recipient = recipientBytes(generateIdentity().recipient)
for (let made = 0; made < Number(process.argv[2]); made++) newHeader([recipient])
console.log('done')

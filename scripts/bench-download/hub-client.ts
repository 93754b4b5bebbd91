// The same bytes by the Hub's own client: what people use without us. It does not verify.
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { downloadFile } from '@huggingface/hub'

const [hubUrl = '', target = ''] = process.argv.slice(2)
const blob = await downloadFile({ repo: 'acme/pattern', path: 'blob', hubUrl, xet: false })
if (!blob) throw new Error('the client found no file')
await pipeline(Readable.fromWeb(blob.stream() as never), createWriteStream(target))

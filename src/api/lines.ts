// An answer of one JSON object per line, which goes on as long as its client is there.
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'

export const sendLines = (
  reply: FastifyReply,
  stream: (gone: AbortSignal) => AsyncIterable<string>,
): FastifyReply => {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return reply.type('application/x-ndjson').send(Readable.from(stream(gone.signal)))
}

// What a source says of its own refusal reaches the person, and nothing that it says can hurt: size, silence, or a secret in an address.
import { describe, expect, it } from 'vitest'
import { toHttpFailure } from '../../src/worker/transfer/http-failure.ts'

const json = { 'content-type': 'application/json; charset=utf-8' }
const answered = (
  body: string | ReadableStream<Uint8Array>,
  headers: Readonly<Record<string, string>> = json,
) => new Response(body, { status: 404, headers })
const messageOf = async (response: Response): Promise<string> =>
  (await toHttpFailure(response, { what: 'tiny/alpha', host: 'hub', isRedirected: false })).failure.message
const plain = 'tiny/alpha does not exist, or is private: hub answered 404'

const endless = (): ReadableStream<Uint8Array> =>
  new ReadableStream({ start: controller => controller.enqueue(Buffer.from('{"error":"half')) })
const broken = (): ReadableStream<Uint8Array> =>
  new ReadableStream({ start: controller => controller.error(new Error('gone')) })

describe('the words of a source', () => {
  it.each([
    ['a registry', answered('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')],
    [
      'a registry with more than one',
      answered('{"errors":[{"message":"manifest unknown"},{"message":"x"}]}'),
    ],
    ['a hub', answered('{"error":"manifest unknown"}')],
    [
      'a hub, in a header',
      answered('{"error":"longer"}', { ...json, 'x-error-message': 'manifest unknown' }),
    ],
    ['somebody who breaks lines', answered('{"error":"manifest\\r\\n\\u0007unknown"}')],
  ])('are shown: %s', async (_, response) => {
    expect(await messageOf(response)).toBe(`${plain} (manifest unknown)`)
  })

  it.each([
    ['a page', answered('<html>{"error":"x"}</html>', { 'content-type': 'text/html' })],
    ['no JSON', answered('{"error":')],
    ['another shape', answered('{"errors":[],"error":{"message":"x"}}')],
    ['more than words', answered(JSON.stringify({ error: 'x'.repeat(5_000) }))],
    ['a body that does not end', answered(endless())],
    ['a body that breaks', answered(broken())],
    ['no body', answered('')],
  ])('are left out: %s', async (_, response) => {
    expect(await messageOf(response)).toBe(plain)
  })

  it('are cut, and show no query of an address', async () => {
    const signed = answered('{"error":"look at https://cdn/x?X-Amz-Signature=secret&b=c now"}')
    expect(await messageOf(signed)).toBe(`${plain} (look at https://cdn/x?… now)`)
    expect(await messageOf(answered(`{"error":"${'x'.repeat(3_000)}"}`))).toBe(
      `${plain} (${'x'.repeat(100)})`,
    )
  })
})

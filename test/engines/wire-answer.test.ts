// Answers of HTTP/1 as engines and what stands before them send them, cut into pieces anywhere, and what is no answer.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AnswerReader } from '../../src/engines/wire-answer.ts'

const most = 1000

const readIn = (pieces: readonly string[]) => {
  const reader = new AnswerReader(most)
  const isOver = pieces.map(piece => reader.take(Buffer.from(piece, 'latin1'))).includes(true)
  return { reader, isOver }
}

const toldOf = ({ answer, problem }: AnswerReader) =>
  answer ? { ...answer, body: Buffer.from(answer.body).toString('latin1') } : { problem }

const cut = (text: string, places: readonly number[]): string[] => {
  const sorted = [0, ...places.map(place => place % text.length), text.length].sort((a, b) => a - b)
  return sorted.slice(1).map((to, index) => text.slice(sorted[index], to))
}

const lines = (...all: string[]): string => all.join('\r\n')

const answers: readonly (readonly [string, string, { status: number; body: string; isReusable: boolean }])[] =
  [
    [
      'of a length',
      lines('HTTP/1.1 200 OK', 'server: uvicorn', 'Content-Length: 5', '', 'hello'),
      { status: 200, body: 'hello', isReusable: true },
    ],
    [
      'without a reason or a body',
      lines('HTTP/1.1 200', 'content-length:0', '', ''),
      { status: 200, body: '', isReusable: true },
    ],
    [
      'in chunks, with a note and a trailer',
      lines(
        'HTTP/1.1 200 OK',
        'Transfer-Encoding: Chunked',
        '',
        '5;x=1',
        'a\r\n\r\n',
        'A',
        '0123456789',
        '0',
        't: 1',
        '',
        '',
      ),
      { status: 200, body: 'a\r\n\r\n0123456789', isReusable: true },
    ],
    [
      'in no chunk at all',
      lines('HTTP/1.1 500 Internal Server Error', 'transfer-encoding: chunked', '', '0', '', ''),
      { status: 500, body: '', isReusable: true },
    ],
    [
      'after words on the way',
      lines(
        'HTTP/1.1 100 Continue',
        '',
        'HTTP/1.1 103 Early Hints',
        'link: </x>',
        '',
        'HTTP/1.1 204 No Content',
        '',
        '',
      ),
      { status: 204, body: '', isReusable: true },
    ],
    [
      'that is the last on its connection',
      lines('HTTP/1.1 200 OK', 'Connection: close', 'content-length: 2', '', 'hi'),
      { status: 200, body: 'hi', isReusable: false },
    ],
    [
      'of HTTP/1.0',
      lines('HTTP/1.0 200 OK', 'content-length: 2', '', 'hi'),
      { status: 200, body: 'hi', isReusable: false },
    ],
    [
      'of HTTP/1.0 that keeps the connection',
      lines('HTTP/1.0 200 OK', 'connection: Keep-Alive', 'content-length: 2', '', 'hi'),
      { status: 200, body: 'hi', isReusable: true },
    ],
    [
      'with a length that chunks contradict',
      lines('HTTP/1.1 200 OK', 'content-length: 9', 'transfer-encoding: chunked', '', '2', 'hi', '0', '', ''),
      { status: 200, body: 'hi', isReusable: false },
    ],
  ]

describe('An answer', () => {
  it.each(answers)('%s is read', (_, text, expected) => {
    const { reader, isOver } = readIn([text])
    expect(toldOf(reader)).toEqual(expected)
    expect(isOver).toBe(true)
  })

  it('is the same wherever it is cut', () => {
    const pieces = fc.array(fc.nat(), { maxLength: 8 })
    fc.assert(
      fc.property(fc.constantFrom(...answers), pieces, ([, text, expected], places) => {
        expect(toldOf(readIn(cut(text, places)).reader)).toEqual(expected)
      }),
    )
  })

  it('is not over before its last byte', () => {
    for (const [, text] of answers) expect(readIn([text.slice(0, -1)])).toMatchObject({ isOver: false })
  })

  it('without a length ends with the connection, and only such a one', () => {
    const { reader, isOver } = readIn(['HTTP/1.1 200 OK\r\n\r\n', 'some', 'thing'])
    expect(isOver).toBe(false)
    expect(reader.end()).toBe(true)
    expect(toldOf(reader)).toEqual({ status: 200, body: 'something', isReusable: false })
    for (const torn of ['', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'])
      expect(readIn([torn]).reader.end()).toBe(false)
  })

  it('that goes on behind its end is the last on its connection', () => {
    const { reader } = readIn([lines('HTTP/1.1 200 OK', 'content-length: 2', '', 'himore')])
    expect(toldOf(reader)).toEqual({ status: 200, body: 'hi', isReusable: false })
  })

  it.each([
    ['of a length', lines('HTTP/1.1 200 OK', 'content-length: 900000', '', 'x'.repeat(5000))],
    ['in chunks', lines('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', 'ffffff', 'x'.repeat(5000))],
    ['without a length', lines('HTTP/1.1 200 OK', '', 'x'.repeat(5000))],
  ])('%s that is too large is let go', (_, text) => {
    const { reader, isOver } = readIn([text])
    expect(isOver).toBe(true)
    expect(reader.answer?.isReusable).toBe(false)
    expect(reader.answer?.body.length).toBeGreaterThan(most)
  })
})

describe('No answer', () => {
  it.each([
    ['another protocol', '\x15\x03\x01\x00\x02\x02\x16\r\n\r\n', 'an answer that is not HTTP/1'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n', 'an answer that is not HTTP/1'],
    ['a page without a head', '<html>\r\n\r\n', 'an answer that is not HTTP/1'],
    ['a line that is no header', lines('HTTP/1.1 200 OK', 'so so', '', ''), 'a head that is not HTTP/1'],
    [
      'a header that is folded',
      lines('HTTP/1.1 200 OK', 'a: 1', ' b: 2', '', ''),
      'a head that is not HTTP/1',
    ],
    [
      'two lengths',
      lines('HTTP/1.1 200 OK', 'content-length: 1', 'content-length: 2', '', ''),
      'a length that is none',
    ],
    ['a length below 0', lines('HTTP/1.1 200 OK', 'content-length: -1', '', ''), 'a length that is none'],
    [
      'a packed body',
      lines('HTTP/1.1 200 OK', 'transfer-encoding: gzip, chunked', '', ''),
      'a body in a coding that was not asked for',
    ],
    ['a change of protocol', lines('HTTP/1.1 101 Switching Protocols', '', ''), 'another protocol'],
    [
      'a chunk without a size',
      lines('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', 'xyz', ''),
      'a chunk without its size',
    ],
    [
      'a chunk that is longer than it said',
      lines('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', '1', 'ab', '0', '', ''),
      'a chunk without its size',
    ],
    [
      'a head without an end',
      `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(10_000)}`,
      'an answer with a head that does not end',
    ],
    [
      'a chunk line without an end',
      lines('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', '1'.repeat(2000)),
      'an answer with a head that does not end',
    ],
  ])('is %s', (_, text, problem) => {
    const { reader, isOver } = readIn([text])
    expect(toldOf(reader)).toEqual({ problem })
    expect(isOver).toBe(true)
  })

  it('breaks nothing, whatever comes', () => {
    const word = fc.constantFrom(
      'HTTP/1.1 200 OK',
      '\r\n',
      '\r\n\r\n',
      'content-length: 3',
      'transfer-encoding: chunked',
      '0',
      '3',
      'abc',
      ':',
      '\0',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string()), { maxLength: 12 }), pieces => {
        const { answer, problem } = readIn(pieces).reader
        expect(answer && problem).toBeUndefined()
      }),
    )
  })
})

// What engines answer over HTTP, read without one: also half an answer, another program's, or a hostile one.
import { describe, expect, it } from 'vitest'
import {
  joinLists,
  loadErrorReason,
  readOllamaList,
  readOllamaUsage,
} from '../../../src/domain/engine-facts/ollama-answers.ts'
import {
  readContextLength,
  readCounters,
  readError,
  readModelList,
  readUsage,
} from '../../../src/domain/engine-facts/vllm-answers.ts'

const nothing = [undefined, null, 'text', 7, [], {}]

describe('The models that vLLM lists', () => {
  const list = (...data: unknown[]) => readModelList({ object: 'list', data })

  it.each<[string, unknown, object[]]>([
    [
      'a whole entry',
      { id: 'a', root: '/models/a', max_model_len: 4096 },
      [{ name: 'a', identity: '/models/a', isLoaded: true, contextLength: 4096 }],
    ],
    [
      'a folder that ends in slashes',
      { id: 'a', root: '/models/a//' },
      [{ name: 'a', identity: '/models/a', isLoaded: true }],
    ],
    ['the root folder', { id: 'a', root: '/' }, [{ name: 'a', identity: '/', isLoaded: true }]],
    ['an entry without a folder', { id: 'a', root: null }, [{ name: 'a', identity: '', isLoaded: true }]],
    ['an entry without a name', { root: '/a' }, []],
    ['an entry whose name is a number', { id: 5 }, []],
    ['no entry', null, []],
  ])('of %s', (_, item, listed) => {
    expect(list(item)).toEqual(listed)
  })

  it('are in the order of the answer', () => {
    expect(list({ id: 'a' }, {}, { id: 'b' })?.map(model => model.name)).toEqual(['a', 'b'])
  })

  it('are no list when the answer is another', () => {
    for (const body of [
      ...nothing,
      { object: 'error', data: [] },
      { object: 'list', data: {} },
      { data: [] },
    ])
      expect(readModelList(body)).toBeUndefined()
  })

  it.each([[4096], [1], [0], [-1], [1.5], ['4096'], [2 ** 60], [Number.NaN]])(
    'have a context of %s only when it is a number of tokens',
    value => {
      const isTold = value === 4096 || value === 1
      expect(readContextLength(value)).toEqual(isTold ? { contextLength: value } : {})
    },
  )
})

describe('The counters of vLLM', () => {
  it('are added up over engines and models, and all else is passed over', () => {
    const text = [
      '# HELP vllm:num_requests_running how many',
      'vllm:num_requests_running{engine="0",model_name="a"} 2.0',
      'vllm:num_requests_running{engine="1",model_name="a"} 1.0',
      'vllm:prompt_tokens_total{engine="0"} 100.0',
      'vllm:generation_tokens_total{engine="0"} 20.0',
      'vllm:generation_tokens_total{engine="1"} 3.0',
      'vllm:generation_tokens_total_created{engine="0"} 1.7e9',
      'vllm:num_requests_waiting{engine="0"} 9.0',
      ' vllm:num_requests_running 50',
      'x_vllm:num_requests_running 50',
    ]
    expect(readCounters(text.join('\n'))).toEqual({ running: 3, tokens: 123 })
  })

  it.each<[string, object]>([
    ['', {}],
    ['vllm:num_requests_running 0', { running: 0 }],
    ['vllm:num_requests_running NaN', {}],
    ['vllm:num_requests_running +Inf', {}],
    ['vllm:num_requests_running', {}],
    ['vllm:prompt_tokens_total 5', { tokens: 5 }],
    ['vllm:generation_tokens_total{} 7', { tokens: 7 }],
    ['vllm:engine_sleep_state{sleep_state="awake"} 1', {}],
    [
      'vllm:engine_sleep_state{sleep_state="awake"} 0\nvllm:engine_sleep_state{sleep_state="weights_offloaded"} 1',
      { isAsleep: true },
    ],
    [
      'vllm:engine_sleep_state{sleep_state="awake"} 1\nvllm:engine_sleep_state{sleep_state="discard_all"} 0',
      { isAsleep: false },
    ],
  ])('of %j are %j', (text, counters) => {
    expect(readCounters(text)).toEqual(counters)
    expect(Object.keys(readCounters(text))).toEqual(Object.keys(counters))
  })
})

describe('An answer', () => {
  it.each<[unknown, number]>([
    [{ usage: { prompt_tokens: 3, total_tokens: 8 } }, 8],
    [{ usage: { prompt_tokens: 3 } }, 3],
    [{ usage: { total_tokens: 8 } }, 8],
    [{ usage: { prompt_tokens: '3', total_tokens: '8' } }, 0],
    ...nothing.map((body): [unknown, number] => [body, 0]),
  ])('of vLLM %j used %d tokens', (body, tokens) => {
    expect(readUsage(body)).toBe(tokens)
  })

  it.each<[unknown, number]>([
    [{ prompt_eval_count: 3, eval_count: 5 }, 8],
    [{ prompt_eval_count: 3 }, 3],
    [{ eval_count: 5 }, 5],
    [{ eval_count: '5' }, 0],
    ...nothing.map((body): [unknown, number] => [body, 0]),
  ])('of Ollama %j used %d tokens', (body, tokens) => {
    expect(readOllamaUsage(body)).toBe(tokens)
  })

  it.each<[unknown, string]>([
    [{ error: 'no such model' }, 'no such model'],
    [{ error: { message: 'no such model' } }, 'no such model'],
    [{ message: 'no such model' }, 'no such model'],
    [{ error: { message: 5 }, message: 'other' }, ''],
    [{ error: {}, message: 'other' }, 'other'],
    ...nothing.map((body): [unknown, string] => [body, '']),
  ])('%j has the sentence %j', (body, sentence) => {
    expect(readError(body)).toBe(sentence)
  })
})

describe('The models that Ollama lists', () => {
  const item = { name: 'a:latest', digest: 'ABC', context_length: 4096 }

  it('have a context only when they are loaded', () => {
    const told = { name: 'a:latest', identity: 'sha256:abc' }
    expect(readOllamaList({ models: [item] }, true)).toEqual([
      { ...told, isLoaded: true, contextLength: 4096 },
    ])
    expect(readOllamaList({ models: [item] }, false)).toEqual([{ ...told, isLoaded: false }])
  })

  it('are none when it says null, and no list when it says something else', () => {
    expect(readOllamaList({ models: null }, true)).toEqual([])
    for (const body of [...nothing, { models: {} }]) expect(readOllamaList(body, true)).toBeUndefined()
  })

  it('are passed over without a name or digest', () => {
    expect(readOllamaList({ models: [{ ...item, name: 5 }, { ...item, digest: 5 }, null] }, true)).toEqual([])
  })

  it('stand once each, what is loaded first', () => {
    const [a, b] = ['a', 'b'].map(name => ({ name, identity: '', isLoaded: false }))
    const loaded = { ...b!, isLoaded: true }
    expect(joinLists([loaded], [a!, b!])).toEqual([loaded, a])
    expect(joinLists([], [a!])).toEqual([a])
  })
})

describe('The sentence of a load that Ollama refused', () => {
  it.each([
    ['CUDA error: out of memory', 'OutOfMemory'],
    ['model requires more system memory (8 GiB) than is available', 'OutOfMemory'],
    ['model requires more memory than is available', 'OutOfMemory'],
    ['unable to load model: /x', 'FilesUnreadable'],
    ['Error loading model: tensor missing', 'FilesUnreadable'],
    ['digest mismatch, file must be downloaded again', 'FilesUnreadable'],
    ['open /x: no such file or directory', 'FilesUnreadable'],
    ['invalid file magic', 'FilesUnreadable'],
    ['llama runner process has terminated', 'LoadFailed'],
    ['', 'LoadFailed'],
  ])('%j means %s', (sentence, reason) => {
    expect(loadErrorReason(sentence)).toBe(reason)
  })
})

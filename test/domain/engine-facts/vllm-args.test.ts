import { describe, expect, it } from 'vitest'
import { parseGroups } from '../../../src/domain/engine-facts/vllm-args.ts'
import { toFlagName } from '../../../src/domain/engine-facts/vllm-flags.ts'
import { checkEngineArgs } from '../../../src/domain/engine-facts/vllm-owned.ts'

describe('a vLLM command line', () => {
  const rows: [string, string][] = [
    ['/models/a --port 8000', '[/models/a] port=8000'],
    ['--enforce-eager /models/a', 'enforce-eager [/models/a]'],
    ['-tp 2 -q awq', 'tensor-parallel-size=2 quantization=awq'],
    ['--served-model-name a b --port 1', 'served-model-name=a,b port=1'],
    ['--served_model_name=a --max_model_len 5', 'served-model-name=a max-model-len=5'],
    ['--no-enable-prefix-caching /m', 'no-enable-prefix-caching [/m]'],
    ['-O3 -O 2 -O=1', 'optimization-level=3 optimization-level=2 optimization-level=1'],
    ['--compilation-config.pass_config.x 1 /m', 'compilation-config.pass_config.x=1 [/m]'],
    ['--hf-overrides {"a":"b=c"}', 'hf-overrides={"a":"b=c"}'],
    ['--hf-overrides={"a":"b=c"}', 'hf-overrides={"a":"b=c"}'],
    ['--seed -1 --port 2', 'seed=-1 port=2'],
    ['--brand-new x y --port 1', 'brand-new?=x,y port=1'],
    ['--device-memory-utilization 0.5', 'gpu-memory-utilization=0.5'],
    ['--trust-remote', 'trust-remote-code'],
    ['--serv a b', 'served-model-name=a,b'],
    ['-ep -dp 2', 'enable-expert-parallel data-parallel-size=2'],
    ['--seed - --port -x', 'seed=- port x?'],
    ['--brand-new a-1 --port 1', 'brand-new?=a-1 port=1'],
    ['-O32 x-O3', 'optimization-level=32 [x-O3]'],
    ['--no-brand-new --port 1', 'no-brand-new? port=1'],
    ['--brand-new=a=b --brand.new=1', 'brand-new?=a=b brand.new=1'],
    ['--no-seed 5 /m', 'no-seed?=5,/m'],
    ['=x /m', '[=x] [/m]'],
    ['-tp=2 -zz=3', 'tensor-parallel-size=2 zz?=3'],
    ['-max-model-len 5', 'max-model-len=5'],
    ['-enforce-ea 5', 'enforce-ea?=5'],
    ['--a.b_c 1', 'a.b_c=1'],
  ]
  it.each(rows)('%s is read as %s', (line, expected) => {
    const shown = parseGroups(line.split(' ')).map(group => {
      if (group.name === undefined) return `[${group.values[0]}]`
      const doubt = group.isKnown ? '' : '?'
      return `${group.name}${doubt}${group.values.length > 0 ? `=${group.values.join(',')}` : ''}`
    })
    expect(shown.join(' ')).toBe(expected)
  })

  it.each(rows)('%s keeps every word in order', line => {
    expect(
      parseGroups(line.split(' '))
        .flatMap(group => group.words)
        .join(' '),
    ).toBe(line)
  })

  it('an ambiguous beginning stays what was written', () => {
    expect(toFlagName('--max')).toBe('max')
    expect(toFlagName('--max-model-len_x.y_z')).toBe('max-model-len-x.y_z')
    expect(toFlagName('word')).toBe('')
    expect(toFlagName('x--port')).toBe('')
    expect(toFlagName('--no-trust-remote')).toBe('no-trust-remote-code')
  })
})

describe('engineArgs for vLLM', () => {
  const refused = [
    '--model x',
    '--model=x',
    '--mod x',
    '--port 1',
    '--por 1',
    '--api-key k',
    '--api_key=k',
    '--config f',
    '--conf f',
    '--trust-remote-code',
    '--trust_remote_code',
    '--trust-remote',
    '--trust-remote-code=true',
    '--no-trust-remote-code',
    '--served-model-name a b',
    '--serv a',
    '--served_model_name=a',
    '--host 0.0.0.0',
    '--revision main',
    '--code-revision main',
    '--tokenizer-revision x',
    '--tokenizer x',
    '--hf-config-path x',
    '--download-dir /tmp',
    '--load-format dummy',
    '--hf-token t',
    '--middleware a.b',
    '--worker-cls a.b',
    '--tool-parser-plugin /x.py',
    '--model-class-overrides {}',
    '--allowed-local-media-path /',
    '--uds /x',
    '--ssl-keyfile k',
    '--headless',
    '-h',
    '-v',
    'other/model',
    '--enforce-eager other/model',
    '--max-model-len 5 other/model',
    '-- x',
    '--chat-template $(HF_TOKEN)',
    '-z 5',
  ]
  it.each(refused)('%s is refused, naming the argument', line => {
    const refuse = () => checkEngineArgs(line.split(' '))
    expect(refuse).toThrow(expect.objectContaining({ name: 'Rejected', reason: 'ArgumentNotAllowed' }))
    expect(refuse).toThrow(/^engineArgs: ".+" is not allowed: .+/)
  })

  it.each([
    ['other/model', 'it belongs to no flag'],
    ['-- x', 'what follows would be read as the model'],
    ['-z 5', 'this short flag is not known'],
    ['--chat-template $(HF_TOKEN)', '"$(HF_TOKEN)" is not allowed: $( ) would be replaced'],
    ['--no-conf', 'it can be read as --config'],
    ['--code-rev x', 'it names other files'],
    ['--api-key k', 'a key on a command line'],
  ])('%s is refused: %s', (line, why) => {
    expect(() => checkEngineArgs(line.split(' '))).toThrow(why)
  })

  const allowed = [
    '--max-model-len 4096',
    '-tp 2 --enforce-eager',
    '--gpu-memory-utilization=0.9',
    '--tokenizer-mode mistral',
    '--model-impl transformers',
    '--config-format hf',
    '--no-enable-prefix-caching',
    '--chat-template /templates/a.jinja',
    '--tool-call-parser hermes --enable-auto-tool-choice',
    '--compilation-config.mode 3',
    '--brand-new 5',
    '--seed -1',
    '--shutdown-timeout 30',
  ]
  it.each(allowed)('%s is allowed', line => {
    expect(() => checkEngineArgs(line.split(' '))).not.toThrow()
  })
})

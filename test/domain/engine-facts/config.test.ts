// The config file of an adopted vLLM: what is ours is replaced, all else stays byte for byte, and what cannot be kept is refused.
import { describe, expect, it } from 'vitest'
import type { Recipe } from '../../../src/domain/engine.ts'
import { parseEntries, printEntries, printScalar } from '../../../src/domain/engine-facts/flat-yaml.ts'
import { renderConfig, restoreConfig } from '../../../src/domain/engine-facts/vllm-config.ts'

const recipe = (args: readonly string[] = [], more: Partial<Recipe> = {}): Recipe => ({
  engine: 'VLLM',
  model: '/models/a',
  identity: '/models/a',
  servedNames: ['a', 'active'],
  args,
  task: 'Chat',
  hash: 'h',
  ...more,
})
const ours = (...lines: string[]) =>
  [
    '# switchyard: begin; these lines are replaced at each switch',
    'model: "/models/a"',
    'served-model-name:',
    '- "a"',
    '- "active"',
    ...lines,
    '# switchyard: end',
    '',
  ].join('\n')

describe('A config file', () => {
  it.each<[string, string, string]>([
    ['an empty one', '', ours()],
    ['an empty mapping', '{}\n', ours()],
    ['an empty mapping with blanks', '  { }  ', ours()],
    [
      'others stay as they are',
      'port: 8000\n# why\nhost: "::"\n',
      `port: 8000\n# why\nhost: "::"\n${ours()}`,
    ],
    ['the last line may lack its end', 'port: 8000', `port: 8000\n${ours()}`],
    ['lines may end as on Windows', 'port: 8000\r\nhost: a\r\n', `port: 8000\nhost: a\n${ours()}`],
    [
      'keys in our way are set aside, whole',
      'model: /old\nserved-model-name:\n  - x\n  - y\nport: 1\n',
      `# switchyard: kept: model: /old\n# switchyard: kept: served-model-name:\n# switchyard: kept:   - x\n# switchyard: kept:   - y\nport: 1\n${ours()}`,
    ],
    [
      'also as another program writes them',
      'served_model_name: x\n',
      `# switchyard: kept: served_model_name: x\n${ours()}`,
    ],
    ['a document may have its mark', '---\nport: 1\n', `---\nport: 1\n${ours()}`],
    ['comments at the end stay', 'port: 1\n# last\n', `port: 1\n# last\n${ours()}`],
    [
      'what lies inside an entry stays in it',
      'a:\n  b: 1\n\n  # why\n  c: 2\nd: 3\n',
      `a:\n  b: 1\n\n  # why\n  c: 2\nd: 3\n${ours()}`,
    ],
    ['lists need not be indented', 'a:\n- 1\n-\nb: 2\n', `a:\n- 1\n-\nb: 2\n${ours()}`],
  ])('%s', (_, found, rendered) => {
    expect(renderConfig(recipe(), found)).toBe(rendered)
  })

  it('is the same for another recipe, made from what was found or from what was made of it', () => {
    const found = 'model: /old\nport: 1\n'
    const first = renderConfig(recipe(), found)
    const other = recipe(['--max-model-len', '4096'], { model: '/models/b' })
    expect(renderConfig(other, first)).toBe(renderConfig(other, found))
    expect(restoreConfig(first)).toBe(found)
    expect(restoreConfig(found)).toBe(found)
  })

  it.each<[string, readonly string[], readonly string[]]>([
    ['a word', ['--dtype', 'half'], ['dtype: "half"']],
    ['a number', ['--max-model-len=4096'], ['max-model-len: 4096']],
    ['a flag alone', ['--enforce-eager'], ['enforce-eager: true']],
    [
      'the last of a repeated flag',
      ['--max-model-len', '1', '--dtype', 'half', '--max-model-len', '2'],
      ['dtype: "half"', 'max-model-len: 2'],
    ],
    ['both of two dotted flags', ['--a.b', '1', '--a.c', '2'], ['a.b: 1', 'a.c: 2']],
  ])('holds arguments of the recipe: %s', (_, args, lines) => {
    expect(renderConfig(recipe(args), '')).toBe(ours(...lines))
  })

  it('loses keys that the recipe sets, and only those', () => {
    const text = renderConfig(recipe(['--max-model-len', '4096']), 'max_model_len: 1\nmax-num-seqs: 2\n')
    expect(text).toContain('# switchyard: kept: max_model_len: 1\nmax-num-seqs: 2\n')
  })

  it.each([
    ['  a: 1', 1, 'it belongs to no key'],
    ['- a', 1, 'it belongs to no key'],
    ['a: 1\nnonsense', 2, 'it is not `key: value`'],
    ['a: 1\n---\nb: 2', 2, 'it is not `key: value`'],
    ['a b: 1', 1, 'it is not `key: value`'],
    ['a:1', 1, 'it is not `key: value`'],
    ['a: &x 1', 1, 'anchors, aliases and tags cannot be kept'],
    ['a: *x', 1, 'anchors, aliases and tags cannot be kept'],
    ['a: !x 1', 1, 'anchors, aliases and tags cannot be kept'],
    ['a: "b', 1, 'its value does not end on its line'],
    ["a: 'b", 1, 'its value does not end on its line'],
    ['a: [1,', 1, 'its value does not end on its line'],
    ['a: {b: [1]', 1, 'its value does not end on its line'],
    ['a: ["]"', 1, 'its value does not end on its line'],
    ['a: [1 # ]', 1, 'its value does not end on its line'],
  ])('%j is refused at line %d: %s', (text, line, why) => {
    expect(() => parseEntries(text)).toThrow(`config file, line ${line}: `)
    expect(() => parseEntries(text)).toThrow(why)
  })

  it.each([
    'a: "b c"',
    "a: 'it''s'",
    'a: "\\""',
    'a: [1, {b: 2}] # why',
    'a: x[',
    'a: |',
    'a:',
    '"a": 1',
    "'a.b': 1",
    'a_b+c-d.e : 1',
    'a: {"}": 1}',
  ])('%s is one entry', text => {
    const entries = parseEntries(`${text}\n`)
    expect(entries.map(entry => entry.lines)).toEqual([[text]])
    expect(entries[0]?.key).toMatch(/^a/)
    expect(printEntries(entries)).toBe(`${text}\n`)
  })

  it('has comments between entries as entries without a key', () => {
    expect(parseEntries('# a\n\nb: 1\n# c\n')).toEqual([
      { lines: ['# a', ''] },
      { key: 'b', lines: ['b: 1'] },
      { lines: ['# c'] },
    ])
  })

  it.each([
    ['0', '0'],
    ['10', '10'],
    ['0.95', '0.95'],
    ['1.50', '"1.50"'],
    ['007', '"007"'],
    ['1e5', '"1e5"'],
    ['-1', '"-1"'],
    ['1234567890123456', '"1234567890123456"'],
    ['true', '"true"'],
    ['', '""'],
    ['a"b', '"a\\"b"'],
    ['é', '"\\u00e9"'],
    ['🙂', '"\\U0001f642"'],
    ['\n', '"\\n"'],
    ['~ ', '"~ "'],
    ['\x7f', '"\\u007f"'],
  ])('has %j written as %s', (value, written) => {
    expect(printScalar(value)).toBe(written)
  })
})

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { reasonsPath, renderReasons } from '../../scripts/reasons.ts'
import { reasonNames } from '../../src/domain/conditions.ts'
import { hostText } from '../../src/domain/host-reasons.ts'
import { reasons } from '../../src/domain/reasons.ts'

describe('The table of reasons', () => {
  it('is what docs/reasons.md says', () => {
    expect(readFileSync(reasonsPath, 'utf8')).toBe(renderReasons())
  })

  it('speaks of nothing on a host that a host does not have', () => {
    const ofCluster =
      /\b(pods?|the claim|Deployments?|Services?|NetworkPolicy|operator|nodes?|cluster|containers?|kubernetes|securityContext|annotation)\b/i
    const said = reasonNames.flatMap(name => {
      const text = hostText(name)
      return text ? [`${name}: ${text.means} ${text.todo}`] : []
    })
    expect(said.filter(sentence => ofCluster.test(sentence))).toEqual([])
  })

  it('keeps for clusters only what no part of a host gives', () => {
    const source = fileURLToPath(new URL('../../src', import.meta.url))
    const texts = ['platform/host', 'engines', 'embedded', 'worker', 'controller']
      .flatMap(room =>
        readdirSync(join(source, room), { recursive: true, encoding: 'utf8' }).map(file =>
          join(source, room, file),
        ),
      )
      .filter(file => file.endsWith('.ts'))
      .map(file => readFileSync(file, 'utf8'))
    const never = reasonNames.filter(name => !hostText(name))
    expect(never.filter(name => texts.some(text => text.includes(`'${name}'`)))).toEqual([])
    expect(never.length).toBeGreaterThan(5)
  })

  it('holds one CamelCase word each, with a sentence', () => {
    expect(reasonNames.filter(name => !/^[A-Z][A-Za-z]+$/.test(name))).toEqual([])
    expect(reasonNames.filter(name => !reasons[name].means.endsWith('.'))).toEqual([])
  })
})

const tests = fileURLToPath(new URL('..', import.meta.url))

/** Tests, the tables that they run, and the texts that they are held against. */
const provoking = /(\.test|misbehaviours|scenarios|situations|-cases)\.ts$|golden.*\.txt$/

const provocations = readdirSync(tests, { recursive: true, encoding: 'utf8' })
  .filter(file => provoking.test(file) && !file.endsWith('domain/reasons.test.ts'))
  .map(file => ({ file, text: readFileSync(join(tests, file), 'utf8') }))

/** As a word of its own in quotes, after a status (`'False NotFound'`), or in a story (`Ready=False NotFound`). */
const provokes = (reason: string): RegExp =>
  new RegExp(`['" ](?:(?:True|False|Unknown) )?${reason}['"]|Ready=\\w+ ${reason}\\b`)

describe('Each reason', () => {
  it.each(reasonNames)('%s is provoked by a test', reason => {
    const pattern = provokes(reason)
    const found = provocations.filter(({ text }) => pattern.test(text)).map(({ file }) => file)
    expect(found, `no test provokes ${reason}`).not.toEqual([])
  })
})

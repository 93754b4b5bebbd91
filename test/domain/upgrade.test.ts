// Objects as former versions stored them, kept for ever: every one is read whole, and nothing of it is lost.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Kind } from '../../src/domain/object.ts'
import { parseObject } from '../../src/domain/stored.ts'

const fixtures = join(import.meta.dirname, '../fixtures')

interface Stored {
  readonly kind: Kind
  readonly metadata: { readonly name: string }
  readonly spec: object
  readonly status: object
}

describe.each(readdirSync(fixtures))('the objects of %s', version => {
  const { items } = parse(readFileSync(join(fixtures, version, 'objects.yaml'), 'utf8')) as {
    items: readonly Stored[]
  }

  it.each(items.map(item => [item.kind, item.metadata.name, item] as const))(
    '%s %s is read whole',
    (kind, _, item) => {
      const { spec, status, invalid } = parseObject(kind, item.spec, item.status)
      expect(invalid).toBeUndefined()
      expect(spec).toMatchObject(item.spec)
      expect(status).toMatchObject(item.status)
    },
  )
})

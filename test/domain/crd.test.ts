// The generated files and the frame of the two CRDs.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findBreaksAgainst, renderAll, root } from '../../scripts/crds.ts'
import { toCrd, toObjectSchema } from '../../src/domain/crd.ts'
import type { Structural } from '../../src/domain/crd-schema.ts'

describe('Generated files', () => {
  for (const [path, text] of renderAll()) {
    it(`${path} is what the schemas say now (else: npm run crds)`, () => {
      expect(readFileSync(join(root, path), 'utf8')).toBe(text)
    })
  }

  it('break nothing against themselves, and say so when there is nothing to compare with', () => {
    expect(findBreaksAgainst(join(root, 'crds'))).toEqual([])
    expect(findBreaksAgainst(join(root, 'nowhere'))).toHaveLength(2)
  })
})

describe('The two kinds', () => {
  it.each([
    ['Model', 'mdl', ['Ready', 'Phase', 'Progress', 'Size', 'Source', 'Age'], ['Reason', 'Speed', 'ETA']],
    ['Runtime', 'rt', ['Ready', 'Phase', 'Active', 'Step', 'Engine', 'Age'], ['Reason', 'Expected']],
  ] as const)('%s is %s in kubectl and shows its columns', (kind, shortName, narrow, wide) => {
    const { names, versions } = toCrd(kind).spec
    expect(names).toMatchObject({ shortNames: [shortName], categories: ['switchyard'] })
    const columns = versions[0]?.additionalPrinterColumns ?? []
    expect(columns.filter(column => !column.priority).map(column => column.name)).toEqual(narrow)
    expect(columns.filter(column => column.priority).map(column => column.name)).toEqual(wide)
  })

  it('have no value in spec that YAML 1.1, which kubectl reads, takes for something else than a word', () => {
    const values = (schema: Structural): readonly unknown[] => [
      ...(schema.enum ?? []),
      ...Object.values(schema.properties ?? {}).flatMap(values),
      ...(schema.items ? values(schema.items) : []),
    ]
    const all = (['Model', 'Runtime'] as const).flatMap(kind =>
      values(toObjectSchema(kind).properties?.['spec'] ?? { type: 'object' }),
    )
    expect(all).toContain('Strict')
    expect(all.filter(one => /^(y|n|yes|no|on|off|true|false|null|~)$/i.test(String(one)))).toEqual([])
  })

  it('print only fields that exist', () => {
    for (const kind of ['Model', 'Runtime'] as const) {
      for (const { jsonPath } of toCrd(kind).spec.versions[0]?.additionalPrinterColumns ?? []) {
        if (jsonPath.startsWith('.metadata') || jsonPath.includes('[')) continue
        expect([jsonPath, at(toObjectSchema(kind), jsonPath)]).toEqual([jsonPath, 'string'])
      }
    }
  })

  it('keep every list whose items have a name apart by it, so that two writers can share it', () => {
    const { spec, status } = toObjectSchema('Model').properties as Record<string, Structural>
    expect(spec?.properties?.['runtimes']?.['x-kubernetes-list-type']).toBe('map')
    expect(status?.properties?.['copies']?.['x-kubernetes-list-map-keys']).toEqual(['claim', 'subPath'])
    expect(status?.properties?.['conditions']?.['x-kubernetes-list-map-keys']).toEqual(['type'])
  })
})

const at = (schema: Structural, jsonPath: string): string | undefined =>
  jsonPath
    .slice(1)
    .split('.')
    .reduce<Structural | undefined>((node, name) => node?.properties?.[name], schema)?.type

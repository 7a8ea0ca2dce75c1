// Names, ids and places of subjects: whatever a tenant is called, its name finds it again, and nobody else.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  encodeTenant,
  GLOBALS,
  isSubjectId,
  MASTER,
  parseSubjectId,
  subjectName,
  subjectNamed,
  tenantSubject,
} from '../../src/domain/subject.js'

const awkward = [
  'platform/master',
  'platform/globals',
  'tenants/acme',
  'tenants/a%2Fb',
  '%',
  '..',
  'a/b',
  'Ł ź',
]
const name = fc.oneof(
  fc.constantFrom(...awkward),
  fc.string({ minLength: 1, unit: 'grapheme' }).filter(text => text.isWellFormed()),
  fc.string({ minLength: 1 }).map(text => `tenants/${encodeTenant(text)}`),
)

test('what a subject is called finds that very subject again', () => {
  fc.assert(
    fc.property(name, tenant => {
      const { id } = tenantSubject(tenant, 'db')
      expect(subjectNamed(subjectName(id))).toBe(id)
    }),
  )
  for (const id of [MASTER, GLOBALS]) expect(subjectNamed(subjectName(id))).toBe(id)
})

test('a tenant goes by its own name, unless that is the id of a subject', () => {
  expect(subjectName(tenantSubject('Łódź & Co', 'db').id)).toBe('Łódź & Co')
  expect(subjectName(tenantSubject('tenants/', 'db').id)).toBe('tenants/')
  expect(subjectName(tenantSubject('platform/master', 'db').id)).toBe('tenants/platform%2Fmaster')
  expect(subjectNamed('platform/master')).toBe(MASTER)
  expect(subjectNamed('tenants/acme')).toBe(tenantSubject('acme', 'db').id)
})

test('two names never share a place, and a place is one path segment that cannot climb', () => {
  fc.assert(
    fc.property(name, name, (one, other) => {
      expect(encodeTenant(one) === encodeTenant(other)).toBe(one === other)
      expect(encodeTenant(one)).toMatch(/^(?!\.)[A-Za-z0-9_.%-]+$/)
    }),
  )
})

test('what no name encodes to is no id', () => {
  for (const text of [
    'tenants/',
    'tenants/a b',
    'tenants/%61',
    'tenants/..',
    'tenants/a/b',
    'acme',
    'platform/x',
  ]) {
    expect(isSubjectId(text), text).toBe(false)
    expect(() => parseSubjectId(text)).toThrow('not')
  }
  expect(() => subjectNamed('')).toThrow('empty')
})

/*
 * The script-tag build has a smaller ReactiveElement: it leaves out what only a subclass's author can use, since the script has
 * one subclass. Everything that a page can call on an element stays.
 */
import { readFile } from 'node:fs/promises'

const MODULE = '@lit/reactive-element/reactive-element.js'

/** Matches a member of the class, or of an object, by the indentation of Lit's development source. */
const member = (name) => new RegExp(`^    (?:static )?${name}\\(.*?^    \\},?$`, 'gms')

/**
 * Makes the accessors of all properties. Lit's own code takes a third of the script's evaluation: it makes each property by several
 * functions, which the browser compiles in the main thread when they are first called.
 */
const finalize = `
    static finalize() {
        if (this.hasOwnProperty('elementProperties')) return;
        this.elementProperties = new Map();
        this.__attributeToPropertyMap = new Map();
        for (const [name, options] of Object.entries(this.properties)) {
            const key = Symbol();
            this.elementProperties.set(name, options);
            defineProperty(this.prototype, name, {
                get() {
                    return this[key];
                },
                set(value) {
                    const oldValue = this[key];
                    this[key] = value;
                    this.requestUpdate(name, oldValue, options);
                },
                configurable: true,
                enumerable: true,
            });
            const { attribute = name.toLowerCase() } = options;
            if (attribute !== false) this.__attributeToPropertyMap.set(attribute, name);
        }
    }`

/** Texts of Lit's development source, with those that the script has in their place. Terser drops the code that this makes dead. */
const edits = [
  ['DEV_MODE = true', 'DEV_MODE = false'],
  // Polyfills, decorators, initializers, and the list in which Lit's development build looks for other versions.
  ['global.reactiveElementPolyfillSupport;', 'undefined;'],
  ["Symbol.metadata ??= Symbol('metadata');", ''],
  ['global.litPropertyMetadata ??= new WeakMap();', ''],
  [member('addInitializer'), ''],
  ['this.constructor._initializers', 'undefined'],
  [/^\(global\.reactiveElementVersions .*$/gm, ''],
  // Styles and a shadow root.
  [member('finalizeStyles'), ''],
  ['ReactiveElement.elementStyles = [];', ''],
  [member('createRenderRoot'), ''],
  ["ReactiveElement.shadowRootOptions = { mode: 'open' };", ''],
  // Properties that write their attribute, or return to a default value with it.
  [member('__propertyToAttribute'), ''],
  [member('toAttribute'), ''],
  [/this\.__reflectingProperties &&=[^;]*;/g, ''],
  [/this\.__reflectingProperty = [^;]*;/g, ''],
  ['this.__reflectingProperty !== propName', 'true'],
  ['reflect === true', 'false'],
  ['convertedValue ??', ''],
  ['this.__defaultValues?.get(propName)', 'undefined'],
  ['options.useDefault', 'false'],
  ['useDefault &&', 'false &&'],
  ['!useDefault', 'true'],
  // Properties that are no text, or have a comparison of their own, and the functions for which `finalize` has no use.
  [member('finalize'), finalize],
  [member('(createProperty|getPropertyDescriptor|__prepare|__attributeNameForProperty)'), ''],
  [/^ReactiveElement\[JSCompiler_renameProperty\('(elementProperties|finalized)'.*$/gm, ''],
  ['let fromValue = value;', 'return value;'],
  ['options.converter?.fromAttribute !== undefined', 'false'],
  [/const defaultPropertyDeclaration = \{.*?^\};/gms, 'const defaultPropertyDeclaration = {};'],
  ['options.hasChanged', 'undefined'],
  ['elementProperties.size > 0', 'false'],
  ['useNewValue === false', 'true'],
  [', { useDefault, reflect, wrapped }, initializeValue', ''],
  // Names that terser shortens once they begin with an underscore.
  [
    /\b(getPropertyOptions|finalize|(schedule|perform|should|will)Update|getUpdateComplete|enableUpdating)\b/g,
    '_$&',
  ],
]

export const withSmallerReactiveElement = {
  name: 'with-smaller-reactive-element',
  async load(id) {
    if (!id.replaceAll('\\', '/').endsWith(MODULE)) return null
    let code = await readFile(id.replace(/[^/\\]+$/, 'development/$&'), 'utf8')
    for (const [text, replacement] of edits) {
      const edited = code.replaceAll(text, replacement)
      if (edited === code) throw new Error(`ReactiveElement has no ${text} any more.`)
      code = edited
    }
    return code
  },
}

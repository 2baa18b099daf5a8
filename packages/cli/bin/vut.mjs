#!/usr/bin/env node
// What package managers link as `vut`. It is there before anything was built, as a link needs its target.
import '../dist/main.js'

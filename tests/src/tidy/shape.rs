//! Rules on shape: how long a file and a function may be, what a function may take, how things are called.

use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{FnArg, Ident, ImplItemFn, Item, ItemFn, ItemImpl, ItemTrait, Signature, Token, TraitItemFn, Visibility};

use super::{Breach, File, Rule};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const PARAMETERS_MAX: usize = 5;

pub const RULES: &[Rule] = &[
    Rule { name: "file length", breaches: long_files, bad: &[("policy/src/a.rs", LONG_FILE)] },
    Rule { name: "function length", breaches: long_functions, bad: &[("policy/src/a.rs", LONG_FUNCTION)] },
    Rule {
        name: "parameters",
        breaches: many_parameters,
        bad: &[("policy/src/a.rs", "fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8) {}")],
    },
    Rule {
        name: "boolean parameter",
        breaches: boolean_parameters,
        bad: &[("policy/src/a.rs", "pub struct A; impl A { pub fn send(&self, secure: bool) {} }")],
    },
    Rule {
        name: "names",
        breaches: vague_names,
        bad: &[
            ("policy/src/a.rs", "pub struct KeyManager;"),
            ("policy/src/a.rs", "impl A { fn get_key(&self) {} }"),
            ("gateway/src/utils.rs", "//! Odds and ends."),
        ],
    },
];

fn long_files(files: &[File]) -> Vec<Breach> {
    let long = files.iter().filter(|file| file.is_product() && file.product_lines() > FILE_LINES_MAX);
    let breach = |file: &File| Breach {
        place: file.path.clone(),
        fix: format!("{} lines without tests, of {FILE_LINES_MAX} at most: split it by concern", file.product_lines()),
    };
    long.map(breach).collect()
}

fn long_functions(files: &[File]) -> Vec<Breach> {
    breaches(files, |function| {
        let lines = function.last_line + 1 - function.signature.span().start().line;
        (lines > FUNCTION_LINES_MAX).then(|| {
            format!("`{}` has {lines} lines, of {FUNCTION_LINES_MAX} at most: name its steps", function.signature.ident)
        })
    })
}

fn many_parameters(files: &[File]) -> Vec<Breach> {
    breaches(files, |function| {
        let count = typed(&function.signature.inputs).count();
        (count > PARAMETERS_MAX).then(|| {
            let name = &function.signature.ident;
            format!("`{name}` takes {count} parameters, of {PARAMETERS_MAX} at most: give what belongs together a type")
        })
    })
}

fn boolean_parameters(files: &[File]) -> Vec<Breach> {
    breaches(files, |function| {
        let is_bool = |ty: &syn::Type| matches!(ty, syn::Type::Path(path) if path.path.is_ident("bool"));
        let takes = typed(&function.signature.inputs).any(is_bool);
        (takes && function.public).then(|| {
            format!(
                "`{}` takes a bool: an enum with two named variants tells the caller's story",
                function.signature.ident
            )
        })
    })
}

fn vague_names(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files.iter().filter(|file| file.is_product()) {
        let stem = file.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        if is_vague(stem) {
            let fix = format!("`{stem}` says nothing: name the file for its concern");
            breaches.push(Breach { place: file.path.clone(), fix });
        }
        let mut names = Names(Vec::new());
        file.syntax.iter().for_each(|syntax| names.visit_file(syntax));
        for name in names.0.iter().filter(|name| !file.is_test_line(name.span().start().line)) {
            let fix = if name.to_string().starts_with("get_") {
                format!("`{name}`: drop `get_`")
            } else if is_vague(&name.to_string()) {
                format!("`{name}` says nothing: name it for what it does")
            } else {
                continue;
            };
            breaches.push(Breach { place: file.at(name.span()), fix });
        }
    }
    breaches
}

fn is_vague(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower.contains("manager")
        || lower.contains("helper")
        || lower.split('_').any(|word| word == "util" || word == "utils")
}

struct Function {
    signature: Signature,
    public: bool,
    last_line: usize,
}

fn typed(inputs: &Punctuated<FnArg, Token![,]>) -> impl Iterator<Item = &syn::Type> {
    inputs.iter().filter_map(|input| match input {
        FnArg::Typed(input) => Some(&*input.ty),
        FnArg::Receiver(_) => None,
    })
}

fn breaches(files: &[File], fix: impl Fn(&Function) -> Option<String>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files.iter().filter(|file| file.is_product()) {
        let mut functions = Functions { found: Vec::new(), dictated: false };
        file.syntax.iter().for_each(|syntax| functions.visit_file(syntax));
        for function in functions.found {
            let span = function.signature.ident.span();
            if file.is_test_line(span.start().line) {
                continue;
            }
            breaches.extend(fix(&function).map(|fix| Breach { place: file.at(span), fix }));
        }
    }
    breaches
}

struct Functions {
    found: Vec<Function>,
    dictated: bool,
}

impl Functions {
    fn add(&mut self, signature: &Signature, public: bool, last_line: usize) {
        self.found.push(Function { signature: signature.clone(), public, last_line });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        // A foreign trait dictates what its functions take, so only their length is ours.
        self.dictated = item.trait_.is_some();
        syn::visit::visit_item_impl(self, item);
        self.dictated = false;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        let mut signature = item.sig.clone();
        if self.dictated {
            signature.inputs.clear();
        }
        self.add(&signature, matches!(item.vis, Visibility::Public(_)), item.block.span().end().line);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        self.add(&item.sig, true, item.span().end().line);
        syn::visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.add(&item.sig, matches!(item.vis, Visibility::Public(_)), item.block.span().end().line);
        syn::visit::visit_item_fn(self, item);
    }
}

struct Names(Vec<Ident>);

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        let name = match item {
            Item::Struct(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Mod(item) => &item.ident,
            _ => return syn::visit::visit_item(self, item),
        };
        self.0.push(name.clone());
        syn::visit::visit_item(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.0.push(item.ident.clone());
        syn::visit::visit_item_trait(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        if item.trait_.is_none() {
            syn::visit::visit_item_impl(self, item);
        }
    }

    fn visit_signature(&mut self, signature: &'ast Signature) {
        self.0.push(signature.ident.clone());
        syn::visit::visit_signature(self, signature);
    }
}

const LONG_FILE: &str = include_str!("samples/long_file.txt");
const LONG_FUNCTION: &str = include_str!("samples/long_function.txt");

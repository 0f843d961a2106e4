//! The tree as the rules see it: files, their syntax, and which of their lines are tests.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Attribute, ImplItemFn, Item, ItemFn, ItemUse, Meta, UseTree};

use crate::build::root;

/// A text file of the tree.
pub struct File {
    /// From the root, with `/`.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// Its syntax, if it is Rust.
    pub syntax: Option<syn::File>,
    test_lines: Vec<RangeInclusive<usize>>,
}

/// Every text file that is ours, product and tests, manifests and docs; nothing built, nothing locked.
pub fn files() -> Vec<File> {
    let mut files = Vec::new();
    collect(root(), &mut files);
    assert!(files.iter().filter(|file| file.is_product()).count() > 10, "the product's sources are found");
    files
}

fn collect(folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && name != ".git" {
                collect(&path, files);
            }
            continue;
        }
        let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let ours = ["rs", "toml", "md", "sh", "sql", "html", "css", "service"].contains(&extension.as_str())
            || ["Makefile", "run", "peers"].contains(&name.as_str());
        if ours {
            let text = fs::read_to_string(&path).unwrap();
            files.push(File::new(&path.strip_prefix(root()).unwrap().to_string_lossy(), &text));
        }
    }
}

impl File {
    /// A file of this path and text.
    pub fn new(path: &str, text: &str) -> Self {
        let parse = || syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let syntax = path.ends_with(".rs").then(parse);
        let test_lines = syntax.as_ref().map(test_lines).unwrap_or_default();
        Self { path: path.to_owned(), text: text.to_owned(), syntax, test_lines }
    }

    /// Rust.
    pub fn is_rust(&self) -> bool {
        self.syntax.is_some()
    }

    /// Rust that ships: in a product crate's `src`, and not a file of tests.
    pub fn is_product(&self) -> bool {
        let of_a_crate = ["policy/src/", "keys/src/", "config/src/", "gateway/src/"];
        self.is_rust() && of_a_crate.iter().any(|folder| self.path.starts_with(folder)) && !self.is_tests()
    }

    fn is_tests(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// Whether a line, counted from 1, is a test or belongs to one.
    pub fn is_test_line(&self, line: usize) -> bool {
        self.is_tests() || self.path.starts_with("tests/") || self.test_lines.iter().any(|range| range.contains(&line))
    }

    /// Lines that are not tests.
    pub fn product_lines(&self) -> usize {
        (1..=self.text.lines().count()).filter(|line| !self.is_test_line(*line)).count()
    }

    /// `path:line`.
    pub fn at(&self, span: Span) -> String {
        format!("{}:{}", self.path, span.start().line)
    }

    /// Every token with its line, groups opened, literals and documentation blanked; then each imported path in full.
    pub fn tokens(&self) -> Vec<(String, usize)> {
        let mut tokens = Vec::new();
        if let Some(syntax) = &self.syntax {
            flatten(self.text.parse().unwrap(), &mut tokens);
            let mut imports = Imports(tokens);
            imports.visit_file(syntax);
            tokens = imports.0;
        }
        tokens
    }
}

/// `use std::{fmt, time::Instant}` is `std::fmt` and `std::time::Instant`.
struct Imports(Vec<(String, usize)>);

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.open(&item.tree, &mut Vec::new());
    }
}

impl Imports {
    fn open(&mut self, tree: &UseTree, path: &mut Vec<String>) {
        let (name, below) = match tree {
            UseTree::Path(tree) => (&tree.ident, Some(&*tree.tree)),
            UseTree::Name(tree) => (&tree.ident, None),
            UseTree::Rename(tree) => (&tree.ident, None),
            UseTree::Group(tree) => return tree.items.iter().for_each(|tree| self.open(tree, path)),
            UseTree::Glob(_) => return,
        };
        path.push(name.to_string());
        match below {
            Some(below) => self.open(below, path),
            None => {
                let words = format!("; {} : :", path.join(" : : "));
                let line = name.span().start().line;
                self.0.extend(words.split(' ').map(|word| (word.to_owned(), line)));
            }
        }
        path.pop();
    }
}

fn flatten(stream: TokenStream, out: &mut Vec<(String, usize)>) {
    for token in stream {
        let line = token.span().start().line;
        match token {
            TokenTree::Group(group) => flatten(group.stream(), out),
            TokenTree::Literal(_) => out.push(("\"\"".to_owned(), line)),
            other => out.push((other.to_string(), line)),
        }
    }
}

/// Lines of items under `#[cfg(test)]` or `#[test]`.
fn test_lines(file: &syn::File) -> Vec<RangeInclusive<usize>> {
    let mut finder = TestFinder(Vec::new());
    finder.visit_file(file);
    finder.0
}

struct TestFinder(Vec<RangeInclusive<usize>>);

impl TestFinder {
    fn look(&mut self, attributes: &[Attribute], span: Span) {
        if attributes.iter().any(is_test) {
            self.0.push(span.start().line..=span.end().line);
        }
    }
}

impl<'ast> Visit<'ast> for TestFinder {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Const(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            _ => return syn::visit::visit_item(self, item),
        };
        self.look(attributes, item.span());
        syn::visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.look(&item.attrs, item.span());
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.look(&item.attrs, item.span());
    }
}

fn is_test(attribute: &Attribute) -> bool {
    match &attribute.meta {
        Meta::Path(path) => path.segments.last().is_some_and(|last| last.ident == "test"),
        Meta::List(list) => {
            list.path.is_ident("cfg") && list.tokens.to_string() == "test"
                || list.path.segments.last().is_some_and(|last| last.ident == "test")
        }
        Meta::NameValue(_) => false,
    }
}

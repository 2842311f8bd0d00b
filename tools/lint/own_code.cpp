// A plugin of clang-tidy: its checks look at this project's code alone. By itself clang-tidy 16 walks through every
// header of the system too, for each check and each file, and then drops what it found there: two thirds of its time.

#include <clang-tidy/ClangTidyCheck.h>
#include <clang-tidy/ClangTidyModule.h>
#include <clang-tidy/ClangTidyModuleRegistry.h>

namespace {

using clang::ast_matchers::MatchFinder;

// The matcher meets the unit before anything in it. What the unit is said to consist of then is all that is walked
// through.
class OwnCode : public clang::tidy::ClangTidyCheck {
 public:
  using ClangTidyCheck::ClangTidyCheck;

  void registerMatchers(MatchFinder* finder) override {
    finder->addMatcher(clang::ast_matchers::translationUnitDecl().bind("unit"), this);
  }

  void check(const MatchFinder::MatchResult& result) override {
    std::vector<clang::Decl*> own;
    for (auto* declaration : result.Context->getTranslationUnitDecl()->decls()) {
      const auto place = result.SourceManager->getExpansionLoc(declaration->getBeginLoc());
      if (place.isValid() && !result.SourceManager->isInSystemHeader(place)) own.push_back(declaration);
    }
    result.Context->setTraversalScope(own);
  }
};

class Module : public clang::tidy::ClangTidyModule {
  void addCheckFactories(clang::tidy::ClangTidyCheckFactories& factories) override {
    factories.registerCheck<OwnCode>("mig-own-code");
  }
};

const clang::tidy::ClangTidyModuleRegistry::Add<Module> registered("mig-module", "Checks of this project.");

}  // namespace
